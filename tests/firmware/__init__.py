"""The appliance: provisioning, silence, and (by `make firmware-test`) the booted image."""
