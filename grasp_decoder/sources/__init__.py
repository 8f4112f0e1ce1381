"""Live sources of spikes: acquisition systems as plug-ins, and what makes batches of their spikes."""
