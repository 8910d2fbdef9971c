"""Teams of agents: the contract that agents implement, how they are found, and the built-in team."""
