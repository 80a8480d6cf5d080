# CPU image of gtzan: docker build -t gtzan-lightning . && docker run --rm gtzan-lightning train data=synthetic debug=fast
FROM python:3.11-slim
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gtzan_lightning gtzan_lightning
COPY conf conf
# A CPU build of torch is installed first if the address of PyTorch's CPU index is given.
ARG TORCH_INDEX=
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir -c constraints.txt --index-url "$TORCH_INDEX" torch torchaudio; fi \
 && pip install --no-cache-dir -c constraints.txt ".[joblib]"
WORKDIR /work
ENV OMP_NUM_THREADS=1 GTZAN_CACHE=/work/cache
ENTRYPOINT ["gtzan"]
