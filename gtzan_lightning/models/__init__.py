"""Classification models: a common base class, four architectures, and the networks of the replicated study."""

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.bilstm import BiLSTM
from gtzan_lightning.models.convlstm import ConvLSTM
from gtzan_lightning.models.mlp import MLP
from gtzan_lightning.models.published import PublishedLSTM, PublishedMLP
from gtzan_lightning.models.reslstm import ResLSTM

__all__ = ["MLP", "BiLSTM", "ConvLSTM", "GenreModule", "PublishedLSTM", "PublishedMLP", "ResLSTM"]
