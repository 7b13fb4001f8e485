"""Addresses of conversations, groups and messages."""

from typing import Any

from django.urls import URLPattern, path

from crm_backend.common.routers import Router
from messaging.views.conversations import ContactViewSet, ConversationViewSet, GroupViewSet
from messaging.views.members import GroupMemberViewSet, MemberViewSet
from messaging.views.messages import MessageSearchViewSet, MessageViewSet

router = Router()
router.register("conversations", ConversationViewSet, basename="conversation")
router.register("groups", GroupViewSet, basename="chat-group")

LIST = {"get": "list", "post": "create"}
DETAIL = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}


def _pair(route: str, view: Any, basename: str) -> list[URLPattern]:
    """The list and the detail of what is in a conversation."""
    return [
        path(f"{route}/", view.as_view(LIST, basename=basename), name=f"{basename}-list"),
        path(f"{route}/<int:pk>/", view.as_view(DETAIL, basename=basename), name=f"{basename}-detail"),
    ]


urlpatterns = [
    *router.urls,
    *_pair("conversations/<int:conversation_id>/messages", MessageViewSet, "message"),
    *_pair("conversations/<int:conversation_id>/members", MemberViewSet, "conversation-member"),
    *_pair("groups/<int:conversation_id>/members", GroupMemberViewSet, "chat-group-member"),
    path(
        "contacts/",
        ContactViewSet.as_view({"get": "list"}, basename="contact"),
        name="contact-list",
    ),
    path(
        "search/",
        MessageSearchViewSet.as_view({"get": "list"}, basename="message-search"),
        name="message-search",
    ),
    path(
        "status/",
        ConversationViewSet.as_view({"get": "status"}, basename="conversation"),
        name="conversation-status",
    ),
]
