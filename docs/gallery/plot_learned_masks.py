"""
Masks that are learnt, and labels by attention
==============================================

`CutMix` cuts at a random place. The methods here ask: a mix block that trains beside
the net says pixel by pixel what is to be seen ("auto_mix", "sa_mix", "ad_auto_mix"), or
a vision transformer shows by its attention which patches count ("trans_mix",
"token_mix", "merge_mix"). Digits lie somewhere on a dim, noisy ground; nets and blocks
learn for some seconds each. Blocks are slow learners: after so few steps, some masks
are still nearly flat.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from sk_mixup.mixing import MixContext, companions_of, list_methods, mix_layer

torch.manual_seed(0)
digits = load_digits()
small = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
places = torch.randint(0, 17, (len(small), 2))
X = 0.15 * torch.rand(len(small), 1, 32, 32)
for image, digit, (i, j) in zip(X, small, places, strict=True):
    image[:, i : i + 16, j : j + 16] += functional.interpolate(
        digit[None], (16, 16), mode="bilinear"
    )[0]
y = torch.tensor(digits.target)


class Attention(nn.Module):
    """One layer of a small vision transformer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the tokens, each with what it has seen of the others."""
        seen = self.norms[0](tokens)
        tokens = tokens + self.attention(seen, seen, seen, need_weights=False)[0]
        return tokens + self.mlp(self.norms[1](tokens))


class Transformer(nn.Module):
    """Patches of 4 x 4 pixels behind a class token."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 4, stride=4)
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(0.1 * torch.randn(1, 65, width))
        self.layers = nn.Sequential(*[Attention(width) for _ in range(2)])
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of ten classes."""
        tokens = self.patches(x).flatten(2).mT
        tokens = torch.cat((self.first.expand(len(x), -1, -1), tokens), 1)
        return self.head(self.layers(tokens + self.places)[:, 0])


def convolutional() -> nn.Module:
    """Return a net whose last map has 8 x 8 places."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


# %%
# A loop of one's own: a method draws, the net learns, and what trains beside it learns
# from the same batch.


def train(net, method, *, n_epochs):
    """Return the context in which the method draws after the training."""
    companions = companions_of(method, net, X[:2])
    context = MixContext(module=net, companions=companions)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for epoch in range(n_epochs):
        for rows in torch.randperm(len(y)).split(64):
            # The net has to know a little before it is asked.
            asks = epoch >= 2 or bool(companions)
            plan = method.draw(X[rows], y[rows], context=context) if asks else None
            inputs, targets = X[rows], y[rows]
            if plan is not None:
                with mix_layer(net, plan) as mixed:
                    output = net(plan.apply(inputs))
                targets = mixed.plan.targets(targets, 10)
            else:
                output = net(inputs)
            optimizer.zero_grad()
            functional.cross_entropy(output, targets).backward()
            for companion in companions:
                companion.learn(y[rows])
            optimizer.step()
            for companion in companions:
                companion.step()
    return context


# %%
# Under each: own image, partner, the partner's share of every pixel, and what the net
# is given, with the weights of the two labels. Lambda is near 1/2.
rows = [3, 11, 27, 40]
NAMES = ["cutmix", "auto_mix", "sa_mix", "ad_auto_mix"]
NAMES += ["trans_mix", "token_mix", "merge_mix"]
figure, axes = plt.subplots(len(NAMES), 5, figsize=(10, 14), layout="constrained")
for axis, title in zip(
    axes[0], ["own", "partner", "partner's share", "mixed", "another pair"], strict=True
):
    axis.set_title(title)
for line, name in zip(axes, NAMES, strict=True):
    info = list_methods()[name]
    params = {"lr": 0.01, "clean": False} if info.group == "learned" else {}
    method = info.method(**params)
    net = Transformer() if info.group == "attention" else convolutional()
    context = train(net, method, n_epochs=6)
    method.set_params(alpha=1e4)  # lambda is 1/2
    x, labels = X[rows], y[rows]
    plan = method.draw(
        x, labels, generator=torch.Generator().manual_seed(2), context=context
    )
    with torch.no_grad(), mix_layer(net, plan) as mixed:
        net(plan.apply(x))
    own, other = mixed.plan.label_weights
    # Seen by what becomes of a batch in which every row has a channel of its own.
    each = torch.eye(4).view(4, 4, 1, 1).expand(-1, -1, 32, 32).contiguous()
    share = 1 - plan.apply(each)[0, 0]
    partner = int(plan.partner[0])
    pictures = (x[0, 0], x[partner, 0], share, *plan.apply(x)[:2, 0])
    for axis, picture in zip(line, pictures, strict=True):
        top = {"vmin": 0, "vmax": 1}
        cmap = "viridis" if picture is share else "gray"
        axis.imshow(np.asarray(picture.detach().tolist()), cmap=cmap, **top)
        axis.set_xticks([])
        axis.set_yticks([])
    line[0].set_ylabel(name)
    for axis, i in ((line[3], 0), (line[4], 1)):
        j = int(plan.partner[i])
        axis.set_xlabel(
            f"{own[i]:.2f} of a {int(labels[i])}, {other[i]:.2f} of a {int(labels[j])}"
        )
plt.show()
