"""Public price catalogues: each read into offers by a pure parse, one file a catalogue."""
