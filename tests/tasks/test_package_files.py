"""Files inside installed packages can be named in a sheet, and nothing else can through that door."""

from pathlib import Path

from tasks.files import resolve


def test_a_photograph_inside_an_installed_package_is_found():
    assert Path(resolve("package:skimage/data/astronaut.png", "/sheets")).is_file()


def test_a_package_name_leads_nowhere_else():
    for name in ("package:skimage/../../../../etc/passwd", "package:no_such_package/x.png", "package:/etc/passwd"):
        assert not Path(resolve(name, "/sheets")).exists()
