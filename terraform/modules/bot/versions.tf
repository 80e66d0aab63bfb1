terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first in which a resource names its region, so that one provider serves all of them.
      version = ">= 6.0"
    }
  }
}
