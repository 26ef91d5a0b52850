"""Classifiers of features by trees: one tree, a random forest and boosted stumps."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from lightning_modules.architectures.feature_classifier import FeatureClassifier, FeatureOptions
from lightning_modules.layers.fitted.trees import BoostedTrees, Trees


class FeatureDecisionTree(FeatureClassifier):
    """One tree, ``DecisionTreeClassifier(max_depth=5)``."""

    identity: ClassVar[str] = "FeatureDecisionTree"
    takes_labels: ClassVar[bool] = True
    title: ClassVar[str] = "Decision tree"

    def __init__(self, **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        self.decision = self.tensor_form(Trees)

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=5, random_state=self.random_state)


class FeatureRandomForest(FeatureClassifier):
    """Ten trees on one random feature a split, ``RandomForestClassifier``."""

    identity: ClassVar[str] = "FeatureRandomForest"
    takes_labels: ClassVar[bool] = True
    title: ClassVar[str] = "Random forest"

    def __init__(self, **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        self.decision = self.tensor_form(Trees)

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            max_depth=5, n_estimators=10, max_features=1, random_state=self.random_state
        )


class FeatureAdaBoost(FeatureClassifier):
    """Ten boosted trees of depth 1, ``AdaBoostClassifier(n_estimators=10)``.

    The published scores are those of the algorithm SAMME.R. scikit-learn 1.6 removed it, and this
    is SAMME.
    """

    identity: ClassVar[str] = "FeatureAdaBoost"
    title: ClassVar[str] = "AdaBoost"

    def __init__(self, **base: Unpack[FeatureOptions]) -> None:
        super().__init__(**base)
        self.decision = self.tensor_form(BoostedTrees)

    def estimator(self) -> Any:
        """Return the unfitted classifier."""
        from sklearn.ensemble import AdaBoostClassifier

        return AdaBoostClassifier(n_estimators=10, random_state=self.random_state)
