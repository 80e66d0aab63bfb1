"""What moto's EC2 lacks for finding who holds an address.

Network interfaces can be found by their public address; an Elastic IP that moved or whose
instance was terminated no longer answers for the old holder; a NAT gateway's interface says so.
"""
from moto.ec2 import utils
from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instances import Instance
from moto.ec2.models.nat_gateways import NatGatewayBackend

# moto's interfaces have no delegated prefixes.
PREFIXES = ("ipv4-prefix.ipv4-prefix", "ipv6-prefix.ipv6-prefix")
PUBLIC = ("association.public-ip", "addresses.association.public-ip")


def filter_interfaces():
    original = NetworkInterface.get_filter_value

    def get_filter_value(self, filter_name, method_name=None):
        if filter_name in PUBLIC:
            return self.public_ip
        if filter_name == "interface-type":
            return self.interface_type
        if filter_name in ("private-ip-address", "addresses.private-ip-address"):
            return [address["PrivateIpAddress"] for address in self.private_ip_addresses]
        if filter_name in PREFIXES:
            return []
        if filter_name == "attachment.instance-id":
            return self.instance.id if self.instance else None
        return original(self, filter_name, method_name)

    NetworkInterface.get_filter_value = get_filter_value
    for name in PUBLIC:
        utils.filter_dict_attribute_mapping[f"network-interface.{name}"] = "public_ip"
    utils.filter_dict_attribute_mapping["network-interface.addresses.private-ip-address"] = "private_ip"


def move_addresses():
    original = ElasticAddressBackend.associate_address

    def associate_address(self, instance=None, eni=None, address=None, allocation_id=None, reassociate=False):
        eips = self.address_by_ip([address]) if address else self.address_by_allocation([allocation_id])
        before = eips[0].eni
        eip = original(self, instance, eni, address, allocation_id, reassociate)
        if before is not None and before is not eip.eni:
            before.public_ip = None
        return eip

    ElasticAddressBackend.associate_address = associate_address

    terminate = Instance.terminate

    def terminate_and_release(self, *arguments, **named):
        for eip in self.ec2_backend.addresses:
            if eip.instance is self:
                self.ec2_backend.disassociate_address(address=eip.public_ip)
        return terminate(self, *arguments, **named)

    Instance.terminate = terminate_and_release


def mark_nat_gateways():
    original = NatGatewayBackend.create_nat_gateway

    def create_nat_gateway(self, *arguments, **named):
        gateway = original(self, *arguments, **named)
        interface = gateway._eni
        interface.interface_type = "nat_gateway"
        interface.requester_managed = True
        interface.description = f"Interface for NAT Gateway {gateway.id}"
        for address in gateway.address_set:
            for eip in self.addresses:
                if eip.allocation_id == address.get("allocationId"):
                    interface.public_ip = eip.public_ip
                    eip.eni = interface
        return gateway

    NatGatewayBackend.create_nat_gateway = create_nat_gateway


def install():
    filter_interfaces()
    move_addresses()
    mark_nat_gateways()
