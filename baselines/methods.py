"""The methods of the paper's tables: what they take, and what of their results can be imported."""

from dataclasses import dataclass
from typing import Literal

from benchmark.errors import UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method of the paper's tables.

    Attributes:
        name: short name, as `genbench import --method` and tables use it.
        title: name as the paper prints it.
        input: sensor data that it takes, as the paper's tables say.
        prior: whether it needs category prior information, as Table 1 says; None where the paper
            does not say (trackers).
        task: single frames (Tables 1 to 5 and 7) or tracking (Table 6).
        forms: keys of `baselines.importers.FORMS` that its results come in; empty where there is
            nothing to import.
        published: what its authors published.
        reported_only: why its row can only be quoted; empty where results can be imported.
    """

    name: str
    title: str
    input: Literal["D", "RGB-D"]
    prior: bool | None
    task: Literal["single", "tracking"] = "single"
    forms: tuple[str, ...] = ()
    published: str
    reported_only: str = ""


METHODS: tuple[Method, ...] = (
    Method(
        name="nocs",
        title="NOCS",
        input="RGB-D",
        prior=False,
        forms=("p1", "p3"),
        published="pickles per image in SPD's release; also inside CASS's JSON",
    ),
    Method(
        name="cass",
        title="CASS",
        input="RGB-D",
        prior=False,
        forms=("p3",),
        published="JSON per image",
    ),
    Method(
        name="dualposenet",
        title="DualPoseNet",
        input="RGB-D",
        prior=False,
        forms=("p1",),
        published="pickles per image for CAMERA25 and REAL275",
    ),
    Method(
        name="spd",
        title="SPD",
        input="RGB-D",
        prior=True,
        forms=("p1",),
        published="pickles per image, with the Mask R-CNN detections",
    ),
    Method(
        name="cr-net",
        title="CR-Net",
        input="RGB-D",
        prior=True,
        forms=("p1",),
        published="weights",
        reported_only="weights alone were published: importable once you ran its evaluator",
    ),
    Method(
        name="sgpa",
        title="SGPA",
        input="RGB-D",
        prior=True,
        forms=("p1",),
        published="weights",
        reported_only="weights alone were published: importable once you ran its evaluator",
    ),
    Method(
        name="dpdn",
        title="DPDN",
        input="RGB-D",
        prior=True,
        forms=("p1",),
        published="pickles per image of its unsupervised, mask-given and supervised runs",
    ),
    Method(
        name="fs-net",
        title="FS-Net",
        input="D",
        prior=False,
        published="code",
        reported_only="no predictions were ever published, and its code prints scores alone",
    ),
    Method(
        name="gpv-pose",
        title="GPV-Pose",
        input="D",
        prior=False,
        forms=("p2",),
        published="one pickle with a list of images",
    ),
    Method(
        name="sar-net",
        title="SAR-Net",
        input="D",
        prior=True,
        forms=("p1",),
        published="pickles per image, unit rotations and metric sizes",
    ),
    Method(
        name="ssp-pose",
        title="SSP-Pose",
        input="D",
        prior=True,
        published="nothing",
        reported_only="neither code nor predictions were ever published",
    ),
    Method(
        name="rbp-pose",
        title="RBP-Pose",
        input="D",
        prior=True,
        forms=("p2",),
        published="pickles with a list of images: direct, by coordinates, by reconstruction",
    ),
    Method(
        name="genpose",
        title="GenPose",
        input="D",
        prior=False,
        forms=("p4",),
        published="weights, and a runner that writes hypotheses with energies",
    ),
    Method(
        name="oracle-icp",
        title="Oracle ICP",
        input="RGB-D",
        prior=None,
        task="tracking",
        published="nothing",
        reported_only="a baseline of CAPTRA's table, of which nothing was ever published",
    ),
    Method(
        name="6-pack",
        title="6-PACK",
        input="RGB-D",
        prior=None,
        task="tracking",
        forms=("p7",),
        published="a text per image and instance",
    ),
    Method(
        name="icaps",
        title="iCaps",
        input="RGB-D",
        prior=None,
        task="tracking",
        forms=("p8",),
        published="a text per sequence",
    ),
    Method(
        name="captra",
        title="CAPTRA",
        input="D",
        prior=None,
        task="tracking",
        forms=("p5",),
        published="a pickle per instance and sequence",
    ),
    Method(
        name="catre",
        title="CATRE",
        input="D",
        prior=None,
        task="tracking",
        forms=("p6",),
        published="pickles of every refinement step, and initial poses as JSON",
    ),
)


def get_method(name: str) -> Method:
    """Return the method with this short name.

    Raises:
        UnknownNameError: no such method; the message suggests the nearest name.
    """
    for method in METHODS:
        if method.name == name:
            return method
    raise UnknownNameError.suggest("method", name, [method.name for method in METHODS])
