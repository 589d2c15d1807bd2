"""Plans: read, changed, approved and refused in a dialog, and as a tree on the tasks screen."""
