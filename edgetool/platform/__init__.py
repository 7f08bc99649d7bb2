"""What touches the machine and knows nothing of models: processes, files, documents, ELF."""
