"""How good a run is: scores, accuracies, fusion."""
