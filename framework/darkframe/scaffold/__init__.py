"""New plugin packages from templates: ``darkframe new-plugin``."""
