output "instance_policy_arn" {
  description = "ARN of the policy that an instance's role needs beside AmazonSSMManagedInstanceCore."
  value       = aws_iam_policy.instance.arn
}

output "instance_profile_name" {
  description = "Name of the instance profile; null unless it was asked for."
  value       = one(aws_iam_instance_profile.instance[*].name)
}

output "package_names" {
  description = "Name of the package in Distributor by version."
  value       = local.package_names
}

output "tag_key" {
  description = "Key of the tag that an instance gets the recorder by; its value is a wave's tag_value."
  value       = var.tag_key
}

output "user_data" {
  description = "By version: a script that installs the recorder when an image is built or an instance starts."
  value = {
    for version, release in var.releases : version => templatefile("${path.module}/user-data.sh.tftpl", {
      version = version
      bucket  = var.source_bucket
      prefix  = release.prefix
      sha256s = release.sha256
      archive = local.archive_url
    })
  }
}

output "archive_setting" {
  description = "Content of /etc/default/host-recorder-archive on an instance: where host-recorder-archive.service copies sealed history. Null without an archive. The script in user_data writes it."
  value       = local.archive_url == null ? null : "HOST_RECORDER_ARCHIVE=${local.archive_url}\n"
}

output "association_ids" {
  description = "Id of the State Manager association by region and wave."
  value       = { for key, association in aws_ssm_association.install : key => association.association_id }
}
