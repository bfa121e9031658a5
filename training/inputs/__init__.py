"""Pictures that people have annotated themselves → samples, as those of the data pack."""
