# What an instance needs: to read the package, to write its own part of the archive, and to read there which segments it has
# copied. None of it lets it read what others recorded, or take anything away.

locals {
  reads_package = [{
    Sid      = "Package"
    Effect   = "Allow"
    Action   = "s3:GetObject"
    Resource = [for _, release in var.releases : "${local.bucket}/${release.prefix}*"]
  }]

  # The bucket's policy holds each account to its own part; the condition, each instance to this account's.
  writes_archive = [for statement in [
    {
      Sid      = "Archive"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = "${try(var.archive.bucket_arn, "")}/${try(var.archive.prefix, "")}${local.account}/*"
    },
    {
      Sid      = "ArchiveIndex"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = "${try(var.archive.bucket_arn, "")}/${try(var.archive.prefix, "")}${local.account}/*/index"
    },
    {
      Sid       = "ArchiveList"
      Effect    = "Allow"
      Action    = ["s3:ListBucket"]
      Resource  = try(var.archive.bucket_arn, null)
      Condition = { StringLike = { "s3:prefix" = "${try(var.archive.prefix, "")}${local.account}/*" } }
    },
    {
      Sid      = "ArchiveKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = try(var.archive.kms_key_arn, null)
    },
  ] : statement if var.archive != null && statement.Resource != null]
}

resource "aws_iam_policy" "instance" {
  name        = "${var.name}-instance"
  description = "Lets an instance install the recorder and archive its history."
  tags        = local.tags
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.reads_package, local.writes_archive)
  })
}

resource "aws_iam_role" "instance" {
  count = var.create_instance_profile ? 1 : 0

  name        = "${var.name}-instance"
  description = "Instances with the recorder: Systems Manager, and what the recorder needs."
  tags        = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "recorder" {
  count = var.create_instance_profile ? 1 : 0

  role       = aws_iam_role.instance[0].name
  policy_arn = aws_iam_policy.instance.arn
}

# What the SSM agent needs changes with the agent; AWS keeps this policy.
resource "aws_iam_role_policy_attachment" "ssm" {
  count = var.create_instance_profile ? 1 : 0

  role       = aws_iam_role.instance[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "instance" {
  count = var.create_instance_profile ? 1 : 0

  name = "${var.name}-instance"
  role = aws_iam_role.instance[0].name
  tags = local.tags
}
