"""The columns of the FOCUS files, by version; those of one's own begin with x_."""

from __future__ import annotations

COMMON = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription",
    "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit",
    "ContractedCost", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "PricingCategory",
    "PricingQuantity", "PricingUnit", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory",
    "ServiceName", "ServiceSubcategory", "SubAccountId", "SubAccountName", "SubAccountType", "Tags",
    "x_IdleCost", "x_ModelVersion", "x_Team", "x_UsedCost", "x_Workload",
)  # fmt: skip
ONLY: dict[str, tuple[str, ...]] = {
    "1.2": ("ProviderName", "PublisherName"),
    "1.4": (
        "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName",
        "AllocatedTags", "HostProviderName", "ServiceProviderName",
    ),
}  # fmt: skip
VERSIONS = tuple(ONLY)
DECIMALS = frozenset(
    ("BilledCost", "ConsumedQuantity", "ContractedCost", "EffectiveCost", "ListCost", "PricingQuantity",
     "x_IdleCost", "x_UsedCost")
)  # fmt: skip
