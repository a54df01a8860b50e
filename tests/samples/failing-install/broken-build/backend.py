"""A build backend that cannot build; see pyproject.toml."""


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    raise RuntimeError("the header zlib.h is missing")


build_editable = build_wheel
