"""The streaming decoder: batches of spikes in, one decode per bin out."""
