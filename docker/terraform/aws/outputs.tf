output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.store.id
}

output "store" {
  description = "SLIPWAY_STORE, for the ConfigMap slipway-settings."
  value       = "s3://${aws_s3_bucket.store.id}/${var.store_prefix}"
}

output "artifacts" {
  description = "The entry `artifacts` of the ConfigMap slipway-mlflow."
  value       = "s3://${aws_s3_bucket.store.id}/${var.artifacts_prefix}"
}

output "region" {
  description = "AWS_REGION and AWS_DEFAULT_REGION."
  value       = data.aws_region.current.region
}

output "role_arns" {
  description = "Role of each service account; with web identity the annotation eks.amazonaws.com/role-arn."
  value       = { for account, role in aws_iam_role.account : account => role.arn }
}

output "repository_urls" {
  description = "Repository URL of each image."
  value       = { for image, repository in aws_ecr_repository.image : image => repository.repository_url }
}
