"""What an electrode is: materials, the property card of a volume, and its report."""
