"""ResNet-50's features (He et al. 2016), stride in the 3 x 3 convolution, named as the usual checkpoints name them."""

from torch import Tensor, nn


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 around a shortcut; 4 times as many channels come out as are inside."""

    def __init__(self, channels: int, inside: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, inside, 1, bias=False), nn.BatchNorm2d(inside)
        self.conv2, self.bn2 = nn.Conv2d(inside, inside, 3, stride, 1, bias=False), nn.BatchNorm2d(inside)
        self.conv3, self.bn3 = nn.Conv2d(inside, 4 * inside, 1, bias=False), nn.BatchNorm2d(4 * inside)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != 4 * inside:
            shortcut = nn.Conv2d(channels, 4 * inside, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(4 * inside))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4 * inside, H / stride, W / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(out)))))
        summed: Tensor = self.relu(out + self.downsample(x))
        return summed


def _stage(channels: int, inside: int, blocks: int, stride: int) -> nn.Sequential:
    rest = [Bottleneck(4 * inside, inside, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(channels, inside, stride), *rest)


class ResNet50(nn.Module):
    """(N, 3, 224, 224) to features (N, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2 = _stage(64, 64, 3, 1), _stage(256, 128, 4, 2)
        self.layer3, self.layer4 = _stage(512, 256, 6, 2), _stage(1024, 512, 3, 2)
        self.avgpool = nn.AvgPool2d(7, stride=1)

    def forward(self, x: Tensor) -> Tensor:
        """Features of pictures (N, 3, 224, 224)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        pooled: Tensor = self.avgpool(x).flatten(1)
        return pooled
