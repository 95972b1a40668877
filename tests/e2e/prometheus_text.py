"""Prometheus's text format, read strictly: by Prometheus's own parser, and by the rules that it lets pass."""

import math

from prometheus_client.parser import text_string_to_metric_families

KINDS = {"counter", "gauge", "histogram"}


class Figures:
    """The samples of one scrape, by name and labels."""

    def __init__(self, text):
        self.kinds = {}
        self.samples = {}
        check_lines(text)
        for family in text_string_to_metric_families(text):
            assert family.name not in self.kinds, f"{family.name} is there twice"
            assert family.documentation, f"{family.name} has no help"
            self.kinds[family.name] = family.type
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self.samples, f"{key} is there twice"
                self.samples[key] = sample.value
        assert set(self.kinds.values()) <= KINDS, self.kinds
        for name, kind in self.kinds.items():
            if kind == "histogram":
                self.check_histogram(name)

    def check_histogram(self, name):
        rows = {}
        for (sample, labels), value in self.samples.items():
            if sample == f"{name}_bucket":
                bound = float(dict(labels)["le"])
                rows.setdefault(frozenset(label for label in labels if label[0] != "le"), {})[bound] = value
        for labels, buckets in rows.items():
            counts = [buckets[bound] for bound in sorted(buckets)]
            assert counts == sorted(counts), f"{name} {labels}: buckets that fall"
            assert max(buckets) == math.inf, f"{name} {labels}: no bucket for the rest"
            assert counts[-1] == self.samples[(f"{name}_count", labels)]
            assert (f"{name}_sum", labels) in self.samples

    def value(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())), 0)

    def has(self, name, **labels):
        return (name, frozenset(labels.items())) in self.samples


def check_lines(text):
    """Every sample stands under the TYPE of its family, and a family's lines stand together."""
    assert text.endswith("\n")
    family = None
    seen = set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in seen, f"{family} is there twice"
            seen.add(family)
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == family, line
        else:
            name = line.split("{")[0].split(" ")[0]
            assert name in {family + end for end in ("", "_bucket", "_sum", "_count")}, line
