"""Measures how strong a CAPTCHA is: trains networks on rising numbers of labelled images and judges what they read.

plan -> trials -> figures -> findings -> page: `subject.py` has the images and `sweep.py` changes their settings,
`budget.py` says what an audit may cost and `plan.py` which trainings that makes, `trial.py` is one of them, `runner.py`
and `engine.py` run them, `readings.py` judges what all readers read, `curve.py`, `confidence.py`, `slices.py`,
`properties.py` and `people.py` compute figures, `findings.py` puts them together, `verdict.py` puts the judgement in
words, `page.py`, `plots.py` and `report.py` show.
"""
