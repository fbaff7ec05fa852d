"""CAPTCHAs of generators that sites install, drawn at their defaults, and how many of them are read.

The generators come from their registries into a cache of their own. They are for measuring alone: none of their code
or images comes with this project or is trained on for it.

python -m benchmarks.real_generators.draw --count 4000 --to data/real
python -m benchmarks.real_generators.measure --data data/real --model MODEL

Eight of them (`generators.py`) are there to build with. Ten others (`held_out.py`) are kept for one final measurement;
each of the commands takes them with `--held-out`.
"""
