"""The portal's pages: HTML for people, over the same views and actions as the API."""

from portal.pages.router import router
from portal.pages.serving import error_page

__all__ = ["error_page", "router"]
