# CPU image of gtzan: docker build -t gtzan-lightning . && docker run --rm gtzan-lightning train data=synthetic debug=fast
FROM python:3.11-slim
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gtzan_lightning gtzan_lightning
COPY conf conf
RUN pip install --no-cache-dir -c constraints.txt ".[joblib]"
WORKDIR /home
ENV OMP_NUM_THREADS=1 GTZAN_CACHE=/home/cache
ENTRYPOINT ["gtzan"]
