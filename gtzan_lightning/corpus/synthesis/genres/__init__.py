"""The ten genres, one table a file. Levels and spectra of neighbours overlap, as those of records do."""

from gtzan_lightning.corpus.synthesis.genres.blues import BLUES
from gtzan_lightning.corpus.synthesis.genres.classical import CLASSICAL
from gtzan_lightning.corpus.synthesis.genres.country import COUNTRY
from gtzan_lightning.corpus.synthesis.genres.disco import DISCO
from gtzan_lightning.corpus.synthesis.genres.hiphop import HIPHOP
from gtzan_lightning.corpus.synthesis.genres.jazz import JAZZ
from gtzan_lightning.corpus.synthesis.genres.metal import METAL
from gtzan_lightning.corpus.synthesis.genres.pop import POP
from gtzan_lightning.corpus.synthesis.genres.reggae import REGGAE
from gtzan_lightning.corpus.synthesis.genres.rock import ROCK
from gtzan_lightning.corpus.synthesis.style import Style

STYLES: dict[str, Style] = {
    "blues": BLUES,
    "classical": CLASSICAL,
    "country": COUNTRY,
    "disco": DISCO,
    "hiphop": HIPHOP,
    "jazz": JAZZ,
    "metal": METAL,
    "pop": POP,
    "reggae": REGGAE,
    "rock": ROCK,
}
