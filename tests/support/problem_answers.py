"""Answers to errors, for a service that a test puts together itself."""

from app.web.pages.problem_page import ProblemPages
from app.web.pages.shop_html import Shop, ShopHtml
from app.web.problems import Problems

SHOP_URL = "https://shop.example"


def problems() -> Problems:
    shop = Shop(url=SHOP_URL, name="shop.example", color="#3366d6")
    return Problems(ProblemPages(ShopHtml(shop), SHOP_URL))
