"""What every server stands on: the contract, the listener, a blocking and a non-blocking client."""
