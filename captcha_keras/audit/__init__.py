"""How strong is a CAPTCHA? Trainings at rising numbers of labelled samples, and what follows from them.

plan -> trials -> figures -> findings -> page: `subject.py` has the images and `sweep.py` changes their settings,
`plan.py` says which trainings, `trial.py` is one of them, `runner.py` and `engine.py` run them, `curve.py`,
`confidence.py`, `slices.py` and `people.py` compute figures, `findings.py` puts them together, `verdict.py` judges,
`page.py`, `plots.py` and `report.py` show.
"""

from captcha_keras.audit.findings import Findings
from captcha_keras.audit.plan import BUDGETS, Budget
from captcha_keras.audit.runner import audit
from captcha_keras.audit.subject import Drawn, Folder

__all__ = ["BUDGETS", "Budget", "Drawn", "Findings", "Folder", "audit"]
