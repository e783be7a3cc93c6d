"""The sealed job of the story: predict income above 50,000 from the full census by logistic regression.

Sees /data/census.parquet (read-only), /job/parameters.json and writes to /out. Prints go to a sealed log.
"""

import json

import matplotlib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import RocCurveDisplay, accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

matplotlib.use("Agg")
import matplotlib.pyplot as plt

with open("/job/parameters.json") as file:
    parameters = json.load(file)
census = pd.read_parquet("/data/census.parquet")
numeric = ["age", "education_num", "hours_per_week", "capital_gain", "capital_loss"]
categories = ["workclass", "marital_status", "occupation", "relationship", "sex"]
features, target = census[numeric + categories].fillna("unknown"), census["income"].str.startswith(">50K")
train, test, train_target, test_target = train_test_split(
    features, target, test_size=0.3, random_state=parameters["seed"], stratify=target
)
model = make_pipeline(
    make_column_transformer((StandardScaler(), numeric), (OneHotEncoder(handle_unknown="ignore"), categories)),
    LogisticRegression(max_iter=500),
)
model.fit(train, train_target)
chance = model.predict_proba(test)[:, 1]
metrics = {
    "people": len(census),
    "accuracy": round(accuracy_score(test_target, chance > 0.5), 4),
    "auc": round(roc_auc_score(test_target, chance), 4),
}
pd.DataFrame(metrics.items(), columns=["metric", "value"]).to_csv("/out/metrics.csv", index=False)
RocCurveDisplay.from_predictions(test_target, chance)
plt.savefig("/out/roc.png", dpi=90)
if parameters["plant"]:  # what an airlock is for: a file that must never leave
    census[["id_no"]].head(50).to_csv("/out/people.csv", index=False)
