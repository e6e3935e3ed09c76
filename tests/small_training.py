"""Parameters of a training that takes a moment: those of conf/base, much smaller."""

from base_parameters import base_parameters
from hand_gestures.parameters import NetworkParameters, TrainingParameters

NETWORK = base_parameters(NetworkParameters, hidden=8, layers=1, dropout=0.0)
TRAINING = base_parameters(
    TrainingParameters, epochs=3, batch_size=8, learning_rate=0.02, precision="float32", device="cpu"
)
