# The recorder on instances: a package in Distributor, and State Manager associations that install it by tag, so that
# instances that come later get it too.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  tags      = merge({ application = "gumshoe" }, var.tags)
  bucket    = "arn:${local.partition}:s3:::${var.source_bucket}"

  # As host-recorder-archive takes it.
  archive_url = var.archive == null ? null : "s3://${element(split(":::", var.archive.bucket_arn), 1)}/${trimsuffix(var.archive.prefix, "/")}"

  packages = { for pair in setproduct(sort(var.regions), keys(var.releases)) : "${pair[0]}/${pair[1]}" => { region = pair[0], version = pair[1] } }
  waves    = { for pair in setproduct(sort(var.regions), var.waves[*].tag_value) : "${pair[0]}/${pair[1]}" => { region = pair[0], wave = one([for wave in var.waves : wave if wave.tag_value == pair[1]]) } }

  # One package a release: a wave can stay at, or go back to, any of them.
  package_names = { for version, _ in var.releases : version => "${var.name}-${replace(version, "/[^A-Za-z0-9._-]/", "-")}" }

  # Distributor's manifest, in which any distribution of Linux takes the same zip: the recorder is one static program.
  platforms = ["amazon", "debian", "ubuntu", "redhat", "rocky", "almalinux", "oracle", "centos", "suse"]
  manifests = {
    for version, release in var.releases : version => jsonencode({
      schemaVersion = "2.0"
      publisher     = "Gumshoe"
      version       = version
      packages = {
        for platform in local.platforms : platform => {
          _any = { for architecture, _ in release.sha256 : architecture => { file = "host-recorder-${architecture}.zip" } }
        }
      }
      files = { for architecture, sha256 in release.sha256 : "host-recorder-${architecture}.zip" => { checksums = { sha256 = sha256 } } }
    })
  }
}

resource "aws_ssm_document" "package" {
  for_each = local.packages

  region          = each.value.region
  name            = local.package_names[each.value.version]
  document_type   = "Package"
  document_format = "JSON"
  version_name    = each.value.version
  content         = local.manifests[each.value.version]
  tags            = local.tags

  attachments_source {
    key    = "SourceUrl"
    values = ["s3://${var.source_bucket}/${trimsuffix(var.releases[each.value.version].prefix, "/")}"]
  }
}

resource "aws_ssm_association" "install" {
  for_each = local.waves

  region              = each.value.region
  association_name    = "${var.name}-${replace(each.value.wave.tag_value, "/[^A-Za-z0-9._-]/", "-")}"
  name                = "AWS-ConfigureAWSPackage"
  schedule_expression = each.value.wave.schedule
  max_concurrency     = each.value.wave.max_concurrency
  max_errors          = each.value.wave.max_errors
  compliance_severity = "MEDIUM"
  tags                = local.tags

  parameters = {
    action           = "Install"
    installationType = "Uninstall and reinstall"
    name             = aws_ssm_document.package["${each.value.region}/${each.value.wave.version}"].name
    version          = each.value.wave.version
  }

  targets {
    key    = "tag:${var.tag_key}"
    values = [each.value.wave.tag_value]
  }
}
