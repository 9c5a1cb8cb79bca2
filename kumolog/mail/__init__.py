"""Mail: headers, addresses and MIME parts, as KumoMTA reads them."""
