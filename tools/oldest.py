"""Prints the oldest release of each dependency that setup.cfg allows, for pip."""

import configparser
from pathlib import Path

config = configparser.ConfigParser()
config.read(Path(__file__).resolve().parent.parent / "setup.cfg")
for line in config["options"]["install_requires"].split():
    print(line.replace(">=", "=="))
