"""The platform beside its peers, in one run: ./dev bench all."""
