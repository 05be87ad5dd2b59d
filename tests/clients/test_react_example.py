"""docs/shop-pages.md's React example has no type errors, and a text for every status."""

import asyncio
import json
from pathlib import Path
from typing import Final

import pytest

from tests.support.docs.documents import ROOT, SHOP_PAGES, marked

TSC: Final = Path(__file__).parent / "node_modules/.bin/tsc"
# What the example uses of React's types.
REACT: Final = """
declare module "react" {
  export function useState<S>(initial: S): [S, (value: S) => void];
  export function useEffect(effect: () => void | (() => void), inputs: readonly unknown[]): void;
}
declare module "react/jsx-runtime" {
  export const jsx: unknown, jsxs: unknown, Fragment: unknown;
}
declare namespace JSX {
  interface IntrinsicElements { [name: string]: object }
}
"""
CONFIG: Final = {
    "compilerOptions": {
        "strict": True,
        "noImplicitReturns": True,
        "noEmit": True,
        "jsx": "react-jsx",
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "types": [],
        "paths": {"https://checkout.shop.example/checkout.js": ["./checkout.d.ts"]},
    },
    "files": ["page.tsx", "react.d.ts"],
}


async def check(folder: Path, example: str) -> str:
    types = (ROOT / "app/web/api/static/checkout.d.ts").read_text()
    files = {"page.tsx": example, "react.d.ts": REACT, "checkout.d.ts": types}
    for name, text in (files | {"tsconfig.json": json.dumps(CONFIG)}).items():
        (folder / name).write_text(text)
    process = await asyncio.create_subprocess_exec(
        str(TSC), "-p", str(folder), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    return printed.decode()


@pytest.mark.thorough
async def test_the_react_example_has_a_text_for_every_status(tmp_path: Path) -> None:
    (block,) = marked("tsx", "react", path=SHOP_PAGES)
    without = "".join(
        line for line in block.text.splitlines(keepends=True) if "  disputed:" not in line
    )

    assert await check(tmp_path, block.text) == ""
    assert "'disputed' is missing" in await check(tmp_path, without)
