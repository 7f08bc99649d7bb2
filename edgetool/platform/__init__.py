"""Access to the machine, independent of models: processes, files, documents, downloads, ELF."""
