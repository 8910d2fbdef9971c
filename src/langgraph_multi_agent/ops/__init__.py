"""Operations: looking after an installation. So far the doctor for this machine."""
