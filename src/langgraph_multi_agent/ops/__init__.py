"""Operations: looking after an installation: the doctor of this machine, who owns a data directory."""
