"""A bidirectional LSTM beside a straight line."""

import torch
from torch import nn


class ResidualLSTM(nn.Module):
    """Bidirectional LSTM layers plus a linear residual of the input: (N, T, D) → (N, T, 2 * hidden)."""

    def __init__(self, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            width, hidden, layers, batch_first=True, bidirectional=True, dropout=dropout if layers > 1 else 0.0
        )
        self.residual = nn.Linear(width, 2 * hidden)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        return self.lstm(steps)[0] + self.residual(steps)
