"""Examples to logits: four models on one base, and the networks of the study that they answer."""

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.bilstm import BiLSTM
from gtzan_lightning.models.convlstm import ConvLSTM
from gtzan_lightning.models.mlp import MLP
from gtzan_lightning.models.published import PublishedLSTM, PublishedMLP
from gtzan_lightning.models.reslstm import ResLSTM

__all__ = ["MLP", "BiLSTM", "ConvLSTM", "GenreModule", "PublishedLSTM", "PublishedMLP", "ResLSTM"]
