"""Addresses of customers."""

from django.urls import URLPattern, path

from customers.views import CustomerListViewSet, CustomerViewSet

urlpatterns: list[URLPattern] = [
    path(
        "customers/",
        CustomerListViewSet.as_view({"get": "list"}, basename="customer", detail=False),
        name="customer-list",
    ),
    path(
        "customers/<int:pk>/",
        CustomerViewSet.as_view({"get": "retrieve"}, basename="customer", detail=True),
        name="customer-detail",
    ),
]
