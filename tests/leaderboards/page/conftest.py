"""A folder of runs, the data behind them, and a browser that opens pages about them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from benchmark.predictions import Predictions
from benchmark.shards import POINTS_PER_CLOUD, Objects, Shard, ShardInfo, write_shard
from leaderboards.page.content import PageOptions, collect_content
from leaderboards.page.document import write_document
from leaderboards.page.objects import SHARDS_FOLDER, Sources
from leaderboards.runs import Run
from preprocess.images import read_png

HOSTILE = {
    "image": "<img src=x onerror=\"document.title='owned'\">",
    "script": "</script><script>document.title='owned'</script>",
    "quotes": "\"' onmouseover=\"document.title='owned'",
    "direction": "\u202efelpmaxe\u202c מבחן",
    "emoji": "📦🤖 & &lt;b&gt;",
}
SCENES, FRAMES = 2, 2


def _err(size: float) -> Callable[..., np.ndarray]:
    return lambda generator, category, count: size * generator.normal(size=(len(category), count))


def _make_shard(predictions: Predictions) -> Shard:
    """Return a shard with a cloud for every detection: points on its object's box."""
    generator = np.random.default_rng(5)
    truth = predictions.ground_truth
    count = len(truth)
    corner = generator.uniform(-0.5, 0.5, (count, POINTS_PER_CLOUD, 3)) * truth.extents[:, None]
    turned = corner @ np.swapaxes(truth.transform[:, :3, :3], 1, 2)
    rows = np.arange(count)
    return Shard(
        info=ShardInfo(dataset="synth6", source="real", split="test", label_set="spd"),
        frames=predictions.frames,
        ground_truth=truth,
        detections=predictions.detections,
        objects=Objects(
            points=turned + truth.transform[:, None, :3, 3],
            frame=truth.frame,
            detection=rows,
            ground_truth=rows,
            category=truth.category,
            valid_pixels=np.full(count, POINTS_PER_CLOUD),
        ),
    )


def _write_images(tree: Path, predictions: Predictions) -> None:
    generator = np.random.default_rng(6)
    for frame in predictions.frames.id:
        path = tree / f"{frame}_color.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = generator.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (640, 480)))


@pytest.fixture(scope="session")
def world(
    tmp_path_factory: pytest.TempPathFactory, make_run_at: Callable[..., Run]
) -> SimpleNamespace:
    """Return `runs`, a folder of five runs and a damaged one, and `tree`, the data of some."""
    folder = tmp_path_factory.mktemp("page")
    runs, tree = folder / "runs", folder / "tree"

    def make(name: str, size: float, **options: Any) -> Run:
        drawn = {"scenes": SCENES, "frames": FRAMES, "hypotheses": 8}
        return make_run_at(runs / name, degree=_err(size), cm=_err(size / 4), **drawn | options)

    first = make("good", 2.0)
    shard = _make_shard(first.predictions)
    checksum = write_shard(tree / SHARDS_FOLDER / "test-real-0000.h5", shard)
    _write_images(tree, first.predictions)
    prints = first.info.fingerprints | {"shard:test-real-0000": checksum, "weights:score": "a" * 64}
    setup = {"hypotheses": 8, "keep": 0.6, "seed": 3, "weights": "compact"}
    make("good", 2.0, fingerprints=prints, configuration=setup)
    make("bad", 12.0, fingerprints=prints, configuration=setup | {"weights": "compact-short"})
    make("single", 6.0, hypotheses=None, estimator="regression", configuration={})
    make("other-data", 1.0, dataset="other", fingerprints={"detections": "9" * 64})
    make(
        HOSTILE["image"],
        20.0,
        estimator=HOSTILE["script"],
        dataset=HOSTILE["emoji"],
        label_set=HOSTILE["direction"],
        configuration={"weights": HOSTILE["quotes"], HOSTILE["image"]: HOSTILE["script"]},
    )
    (runs / "damaged").mkdir()
    (runs / "damaged" / "predictions.h5").write_bytes(b"not HDF5")
    return SimpleNamespace(runs=runs, tree=tree)


@pytest.fixture(scope="session")
def sources(world: SimpleNamespace) -> Sources:
    """Return where clouds and crops of the world's objects are."""
    return Sources(shards=(world.tree / SHARDS_FOLDER,), trees=(world.tree,), read_image=read_png)


@pytest.fixture(scope="session")
def blocks(world: SimpleNamespace, sources: Sources) -> dict[str, Any]:
    """Return what the page holds of the world's runs."""
    options = PageOptions(protocols=("genpose", "strict", "tracking-genpose"), rounds=20)
    return collect_content(world.runs, options, sources)


class Page:
    """The page in the browser.

    Attributes:
        browser: selenium's driver.
    """

    def __init__(self, browser: webdriver.Chrome) -> None:
        self.browser = browser

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page and return what it returns."""
        return self.browser.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """Return the first element of a CSS selector."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector: str) -> list[WebElement]:
        """Return all elements of a CSS selector."""
        return list(self.browser.find_elements(By.CSS_SELECTOR, selector))

    def read_column(self, place: int, table: str = "#leaderboard-table") -> list[str]:
        """Return the text of one column of a table's body."""
        read = "return [...document.querySelectorAll(arguments[0])].map((cell) => cell.innerText)"
        return list(self.run(read, f"{table} tbody tr > :nth-child({place})"))

    def read_values(self, place: int, table: str = "#leaderboard-table") -> list[float]:
        """Return the numbers of one column of a table's body, without their intervals."""
        return [float(cell.split()[0]) for cell in self.read_column(place, table)]

    def search(self, text: str) -> None:
        """Type into the search field."""
        self.find("input[type=search]").send_keys(text)

    def choose(self, label: str, text: str) -> None:
        """Choose an option of a labelled field."""
        field = next(item for item in self.find_all("label.field") if item.text.startswith(label))
        Select(field.find_element(By.TAG_NAME, "select")).select_by_visible_text(text)

    def open_all(self) -> None:
        """Draw and open everything that waits to be looked at."""
        self.run(
            "drawFigures(); document.querySelectorAll('details').forEach((d) => d.open = true)"
        )
        self.wait_for_frame()

    def wait_for_frame(self) -> None:
        """Wait until what was asked for is drawn."""
        wait = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        self.browser.execute_async_script(wait)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    @property
    def focused(self) -> WebElement:
        """The element that has the focus."""
        return self.browser.switch_to.active_element

    @property
    def has_dialog(self) -> bool:
        """Whether the dialog is open."""
        return bool(self.run("return document.querySelector('dialog').open"))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Start Debian's chromium, or skip where it is not installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium and chromedriver: make browser installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory, blocks: dict[str, Any]) -> str:
    """Return the address of the page about the made-up world."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    write_document(path, blocks)
    return path.as_uri()


@pytest.fixture
def show(browser: webdriver.Chrome, address: str) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page; in the end the log is empty and nothing was fetched."""

    def open_page(width: int = 1280, scheme: str = "light", at: str = address) -> Page:
        shape = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        media = {"features": [{"name": k, "value": v} for k, v in features.items()]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        browser.get("about:blank")
        browser.get(at)
        return Page(browser)

    yield open_page
    assert browser.get_log("browser") == []
    fetched = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert [name for name in browser.execute_script(fetched) if not name.startswith("data:")] == []
