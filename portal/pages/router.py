"""All pages under one router."""

from fastapi import APIRouter

from portal.pages import catalogue, home, jobs, joint, oversight, projects, releases, requests, static

router = APIRouter(include_in_schema=False)
for part in (static, home, catalogue, projects, requests, jobs, releases, joint, oversight):
    router.include_router(part.router)
