"""From the text file on the boot partition to a sensor that observes and stays silent.

1. `settings`: reads and checks `sensor.txt`; every mistake at once, each with its line and remedy
2. `silence`: the rules that keep the observation interface from answering, and management to what it needs
3. `profile`: how much memory counting may take, by what the board has
4. `render`: the agent's configuration and the network's
5. `overrides`: settings of the operator's in the place of the card's
6. `apply`: runs at every boot, before the network
7. `enrol`: runs after it, while there is a code
"""
