"""The other slot: what is tried there, what holds, and what is taken back.

1. `environment`: the block that GRUB reads and writes, which holds the choice between the slots
2. `bootchooser`: that choice as RAUC asks for it
3. `trial`: after each boot, whether the slot may stay
4. `signed`: what the operator signs, verified; `rules` and `settings`: adopted
5. `exchange`: the part that speaks to the collector
6. `install`: asks, and has RAUC, or `signed`, verify, and installs what came
"""
