"""From the text file on the boot partition to a sensor that observes and stays silent.

1. `settings`: reads and checks `sensor.txt`; every mistake at once, each with its line and remedy
2. `silence`: the rules that keep the observation interface from answering, and management to what it needs
3. `render`: the agent's configuration and the network's
4. `apply`: runs at every boot, before the network
5. `enrol`: runs after it, while there is a code
"""
